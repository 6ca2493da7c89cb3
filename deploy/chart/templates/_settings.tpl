{{- define "tendril.settings" -}}
{{- $values := .Values -}}
{{- $settings := dict -}}
{{- range $name := list "uplink" "apiServers" "serviceCidrs" "clusterPodCidrs" "startupTaint" "xdp" "podForwarding" "dnsFastPath" "nodePortAddresses" "healthzPort" "cniConfDirectory" "cniBinDirectory" "mapSizes" -}}
{{- if hasKey $values $name -}}
{{- $_ := set $settings $name (index $values $name) -}}
{{- end -}}
{{- end -}}
{{- toPrettyJson $settings -}}
{{- end -}}
