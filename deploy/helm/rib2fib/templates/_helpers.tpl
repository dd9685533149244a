{{- define "rib2fib.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "rib2fib.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "rib2fib.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "rib2fib.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "rib2fib.selector" -}}
app.kubernetes.io/name: {{ include "rib2fib.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "rib2fib.labels" -}}
{{ include "rib2fib.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end -}}

{{- define "rib2fib.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "rib2fib.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* A reference to an image: a list of the image's values and the version that is the default. */}}
{{- define "rib2fib.image" -}}
{{- $image := first . -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default (last .) $image.tag) -}}
{{- end -}}
{{- end -}}

{{/* Cluster-wide objects of two releases, in two namespaces, must not meet. */}}
{{- define "rib2fib.clusterName" -}}
{{- if eq .Release.Namespace (include "rib2fib.fullname" .) -}}
{{- include "rib2fib.fullname" . -}}
{{- else -}}
{{- printf "%s-%s" .Release.Namespace (include "rib2fib.fullname" .) -}}
{{- end -}}
{{- end -}}

{{/* What the chart adds to every configuration, under what it says itself. */}}
{{- define "rib2fib.defaults" -}}
metrics:
  listen: {{ ternary "0.0.0.0:9469" "127.0.0.1:9469" .Values.podMonitor.enabled | quote }}
{{- end -}}

{{/* The configuration of all nodes, as YAML. */}}
{{- define "rib2fib.config" -}}
{{- if not .Values.config -}}
{{- fail "config: is empty; it is rib2fib's configuration, at least `source` and `tables` (docs/configuration.md)" -}}
{{- end -}}
{{- if .Values.config.admin -}}
{{- fail "config.admin: is the chart's own: the socket is in the directory of state.hostPath" -}}
{{- end -}}
{{- toYaml (mergeOverwrite (include "rib2fib.defaults" . | fromYaml) (deepCopy .Values.config)) -}}
{{- end -}}

{{/* The same of one node: a list of the root and the node's name. */}}
{{- define "rib2fib.nodeConfig" -}}
{{- $root := first . -}}
{{- $over := get $root.Values.perNode (last .) | deepCopy -}}
{{- toYaml (mergeOverwrite (include "rib2fib.config" $root | fromYaml) $over) -}}
{{- end -}}

{{- define "rib2fib.listen" -}}
{{- (include "rib2fib.config" . | fromYaml).metrics.listen -}}
{{- end -}}

{{- define "rib2fib.metricsPort" -}}
{{- include "rib2fib.listen" . | splitList ":" | last -}}
{{- end -}}

{{/* The kubelet is in the node's network too: what listens on loopback, or everywhere, it asks there. */}}
{{- define "rib2fib.probeHost" -}}
{{- $host := include "rib2fib.listen" . | trimSuffix (printf ":%s" (include "rib2fib.metricsPort" .)) | trimPrefix "[" | trimSuffix "]" -}}
{{- if has $host (list "0.0.0.0" "::" "localhost") -}}127.0.0.1{{- else -}}{{ $host }}{{- end -}}
{{- end -}}

{{/*
As JSON: whether there is discovery, whether it writes, whether it reads where the API server is, and
what else it reads in the whole cluster, each resource with its group. As src/discover/kubernetes/needs.ts has it.
*/}}
{{- define "rib2fib.discovery" -}}
{{- $kinds := dict -}}
{{- $on := false -}}
{{- $status := false -}}
{{- $apiServer := false -}}
{{- $configs := list .Values.config -}}
{{- range $node, $over := .Values.perNode -}}
{{- $configs = append $configs (mergeOverwrite (deepCopy $.Values.config) (deepCopy $over)) -}}
{{- end -}}
{{- range $config := $configs -}}
{{- if hasKey (default dict $config.discovery) "kubernetes" -}}
{{- $on = true -}}
{{- $kubernetes := default dict $config.discovery.kubernetes -}}
{{- if ne (toString (get $kubernetes "status")) "false" -}}{{- $status = true -}}{{- end -}}
{{- $all := list "podCidrs" "podPools" "serviceCidrs" "nodeAddresses" "apiServer" -}}
{{- $protect := ternary (get $kubernetes "protect") $all (hasKey $kubernetes "protect") -}}
{{- if or (has "podCidrs" $protect) (has "nodeAddresses" $protect) -}}
{{- $_ := set $kinds "nodes" "" -}}
{{- $_ := set $kinds "ciliumnodes" "cilium.io" -}}
{{- end -}}
{{- if has "podPools" $protect -}}{{- $_ := set $kinds "ciliumpodippools" "cilium.io" -}}{{- end -}}
{{- if has "serviceCidrs" $protect -}}
{{- $_ := set $kinds "servicecidrs" "networking.k8s.io" -}}
{{- /* Where there is no such resource, the addresses of all services stand for it. */ -}}
{{- if semverCompare "<1.33.0-0" $.Capabilities.KubeVersion.Version -}}{{- $_ := set $kinds "services" "" -}}{{- end -}}
{{- end -}}
{{- if has "apiServer" $protect -}}{{- $apiServer = true -}}{{- end -}}
{{- range $table := $config.tables -}}
{{- $rules := default dict $table.rules -}}
{{- if eq (toString $rules.returnPath) "endpoints" -}}
{{- $_ := set $kinds "endpointslices" "discovery.k8s.io" -}}
{{- $_ := set $kinds "services" "" -}}
{{- end -}}
{{- if $rules.discover -}}{{- $_ := set $kinds "nodes" "" -}}{{- end -}}
{{- range $entry := $rules.discover -}}
{{- if hasKey $entry "ciliumPools" -}}{{- $_ := set $kinds "ciliumloadbalancerippools" "cilium.io" -}}{{- end -}}
{{- if hasKey $entry "services" -}}{{- $_ := set $kinds "services" "" -}}{{- end -}}
{{- if hasKey $entry "metallbPools" -}}
{{- $_ := set $kinds "ipaddresspools" "metallb.io" -}}
{{- if ne (toString (get (default dict $entry.metallbPools) "advertised")) "false" -}}
{{- $_ := set $kinds "bgpadvertisements" "metallb.io" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $route := $table.static -}}
{{- if hasKey (default dict $route.discover) "metallbPeers" -}}
{{- $_ := set $kinds "bgppeers" "metallb.io" -}}
{{- $_ := set $kinds "nodes" "" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- dict "on" $on "status" $status "apiServer" $apiServer "kinds" $kinds | toJson -}}
{{- end -}}
