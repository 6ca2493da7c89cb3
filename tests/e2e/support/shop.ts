/** A small application: a backend on several nodes behind Services of each type, and a client to call them from. */
export const shopManifest = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: backend}
spec:
  replicas: 3
  selector: {matchLabels: {app: backend}}
  template:
    metadata: {labels: {app: backend}}
    spec:
      containers:
        - {name: server, image: example.com/backend, ports: [{name: http, containerPort: 8080}, {name: udp, containerPort: 5000, protocol: UDP}]}
---
apiVersion: v1
kind: Service
metadata: {name: backend}
spec:
  type: NodePort
  ipFamilyPolicy: PreferDualStack
  selector: {app: backend}
  ports:
    - {name: http, port: 80, targetPort: http, nodePort: 30090}
    - {name: udp, port: 5000, targetPort: udp, protocol: UDP, nodePort: 30091}
---
apiVersion: v1
kind: Service
metadata: {name: pods}
spec:
  clusterIP: None
  ipFamilyPolicy: PreferDualStack
  selector: {app: backend}
  ports: [{name: http, port: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec:
  selector: {app: nobody}
  ports: [{port: 80}]
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - {name: tools, image: nicolaka/netshoot, command: [sleep, infinity]}
`;
