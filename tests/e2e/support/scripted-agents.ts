/** Where agents' pods are on a cluster; a lab's are no pods, so a script stands for the program of their image. */
export const scriptedAgents = `
apiVersion: v1
kind: Namespace
metadata: {name: tendril-system}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: program, namespace: tendril-system}
data:
  tendril: |
    #!/bin/sh
    [ "$1" = ask-agent ] || exit 2
    case "$2" in
      /services) echo '[{"service":"default/web:http/TCP","frontend":"'"$NODE"'|80","backends":[]}]' ;;
      /status) echo '{"pods":[],"ipam":[{"cidr":"10.9.0.0/24","size":"254","used":0,"resting":0}]}' ;;
      /conntrack?limit=7) echo 'tendril: the agent does not answer: it is busy' >&2; exit 1 ;;
      /dns-answers?every=3)
        while :; do echo '[{"time":0,"asker":"pod","type":"A","name":"'"$NODE$3"'","result":"one"}]'; sleep 0.05; done &
        cat >/dev/null; kill $! ;;
    esac
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: tendril-agent, namespace: tendril-system}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: agent
          image: busybox
          command: [sleep, infinity]
          env: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
          volumeMounts: [{name: program, mountPath: /usr/bin/tendril, subPath: tendril}]
      volumes: [{name: program, configMap: {name: program, defaultMode: 0755}}]
`;
