{{- define "nexusrag.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "nexusrag.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "nexusrag.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "nexusrag.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "nexusrag.selector" -}}
app.kubernetes.io/name: {{ include "nexusrag.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "nexusrag.labels" -}}
{{ include "nexusrag.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "nexusrag.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "nexusrag.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "nexusrag.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* What every pod has: nobody's rights, no token of the cluster. 65532 is the user of the image. */}}
{{- define "nexusrag.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "nexusrag.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{/* Settings by name, secrets as files. Takes a list: the root context and the settings that only this pod has. */}}
{{- define "nexusrag.env" -}}
{{- $root := index . 0 -}}
{{- $own := index . 1 -}}
env:
{{- range $name, $value := merge (dict) $own $root.Values.settings }}
  - name: {{ $name }}
    value: {{ $value | toString | quote }}
{{- end }}
{{- range $root.Values.secrets.names }}
  - name: {{ . }}_FILE
    value: /etc/nexusrag/secrets/{{ . }}
{{- end }}
{{- end -}}

{{- define "nexusrag.volumeMounts" -}}
volumeMounts:
  - {name: data, mountPath: /data}
  - {name: spool, mountPath: /spool}
  - {name: tmp, mountPath: /tmp}
  - {name: secrets, mountPath: /etc/nexusrag/secrets, readOnly: true}
{{- if .Values.models.existingClaim }}
  - {name: models, mountPath: /models, readOnly: true}
{{- end }}
{{- end -}}

{{- define "nexusrag.secretsVolume" -}}
- name: secrets
  secret:
    secretName: {{ .Values.secrets.existingSecret }}
    defaultMode: 0440
    items:
    {{- range .Values.secrets.names }}
      - {key: {{ . }}, path: {{ . }}}
    {{- end }}
{{- end -}}

{{- define "nexusrag.volumes" -}}
volumes:
  - name: data
    persistentVolumeClaim:
      claimName: {{ default (printf "%s-data" (include "nexusrag.fullname" .)) .Values.persistence.existingClaim }}
  - name: spool
    emptyDir: {sizeLimit: {{ .Values.spool.sizeLimit }}}
  - name: tmp
    emptyDir: {sizeLimit: 64Mi}
  {{- if .Values.models.existingClaim }}
  - name: models
    persistentVolumeClaim: {claimName: {{ .Values.models.existingClaim }}, readOnly: true}
  {{- end }}
  {{- include "nexusrag.secretsVolume" . | nindent 2 }}
{{- end -}}

{{/* Takes a list: the root context and the component. */}}
{{- define "nexusrag.spread" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- if $root.Values.topologySpread.enabled }}
topologySpreadConstraints:
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ $root.Values.topologySpread.whenUnsatisfiable }}
    labelSelector:
      matchLabels:
        {{- include "nexusrag.selector" $root | nindent 8 }}
        app.kubernetes.io/component: {{ $component }}
    matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}
{{- end -}}

{{/* Where a pod may run. Takes the values of its component. */}}
{{- define "nexusrag.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
