/** Pods to execute in, to attach to and to forward ports to. */
export const streamsManifest = `
apiVersion: v1
kind: Pod
metadata: {name: box}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - {name: c, image: busybox, command: [sleep, infinity]}
    - {name: talker, image: busybox, command: [sh, -c, 'for i in 1 2 3; do echo $i; sleep 0.2; done; sleep infinity']}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: nginx, ports: [{containerPort: 80}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 8000, targetPort: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: shell}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: busybox, command: [sh], stdin: true, tty: true}]
---
apiVersion: v1
kind: Pod
metadata: {name: terminal}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: busybox, command: [sh], stdin: true, tty: true}]
---
apiVersion: v1
kind: Pod
metadata: {name: phoenix}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: c
      image: debian
      command: [sh, -c, 'socat TCP-LISTEN:7000,fork,reuseaddr EXEC:cat & until [ -e /tmp/end ]; do sleep 0.1; done']
      readinessProbe: {tcpSocket: {port: 7000}}
---
apiVersion: v1
kind: Pod
metadata: {name: reader}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: busybox, command: [sh, -c, 'cat; echo over'], stdin: true, stdinOnce: true}]
`;
