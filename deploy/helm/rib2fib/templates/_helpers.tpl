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

{{/* Of pods: what is in it begins a rollout when it changes. */}}
{{- define "rib2fib.podLabels" -}}
{{ include "rib2fib.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end -}}

{{- define "rib2fib.labels" -}}
{{ include "rib2fib.podLabels" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
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

{{/*
A mapping as YAML, without what is null: so a value is taken away that stands below. `listen: off`, of which
Helm's YAML makes false, is off again.
*/}}
{{- define "rib2fib.meant" -}}
{{- $kept := dict -}}
{{- range $key, $value := . -}}
{{- if kindIs "map" $value -}}
{{- $_ := set $kept $key (include "rib2fib.meant" $value | fromYaml) -}}
{{- else if and (eq $key "listen") (kindIs "bool" $value) (not $value) -}}
{{- $_ := set $kept $key "off" -}}
{{- else if not (kindIs "invalid" $value) -}}
{{- $_ := set $kept $key $value -}}
{{- end -}}
{{- end -}}
{{- toYaml $kept -}}
{{- end -}}

{{/* The configuration of all nodes, as YAML. */}}
{{- define "rib2fib.config" -}}
{{- if not .Values.config -}}
{{- fail "config: is empty; it is rib2fib's configuration, at least `source` and `tables` (docs/configuration.md)" -}}
{{- end -}}
{{- if .Values.config.admin -}}
{{- fail "config.admin: is the chart's own: the socket is in the directory of state.hostPath" -}}
{{- end -}}
{{- $all := mergeOverwrite (include "rib2fib.defaults" . | fromYaml) (deepCopy .Values.config) -}}
{{- include "rib2fib.meant" $all -}}
{{- end -}}

{{/* The same of one node: a list of the root and the node's name. */}}
{{- define "rib2fib.nodeConfig" -}}
{{- $root := first . -}}
{{- $over := get $root.Values.perNode (last .) | deepCopy -}}
{{- $all := mergeOverwrite (include "rib2fib.config" $root | fromYaml) $over -}}
{{- include "rib2fib.meant" $all -}}
{{- end -}}

{{/* Every configuration that a pod has, as a JSON array. */}}
{{- define "rib2fib.configs" -}}
{{- $configs := list -}}
{{- range $node := keys .Values.perNode | sortAlpha -}}
{{- $configs = append $configs (include "rib2fib.nodeConfig" (list $ $node) | fromYaml) -}}
{{- else -}}
{{- $configs = append $configs (include "rib2fib.config" . | fromYaml) -}}
{{- end -}}
{{- toJson $configs -}}
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
{{- range $config := include "rib2fib.configs" . | fromJsonArray -}}
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
