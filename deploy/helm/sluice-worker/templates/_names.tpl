{{- define "sluice-worker.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* 50 characters leave room for what is put behind: a pod's number, a Job's id. */}}
{{- define "sluice-worker.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "sluice-worker.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "sluice-worker.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "sluice-worker.selectorLabels" -}}
app.kubernetes.io/name: {{ include "sluice-worker.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "sluice-worker.labels" -}}
{{ include "sluice-worker.selectorLabels" . }}
app.kubernetes.io/version: {{ default .Chart.AppVersion .Values.image.tag | trunc 63 | trimAll "-._" | quote }}
app.kubernetes.io/component: worker
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "sluice-worker.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "sluice-worker.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "sluice-worker.secretName" -}}
{{- default (include "sluice-worker.fullname" .) .Values.config.existingSecret -}}
{{- end -}}

{{- define "sluice-worker.catalogName" -}}
{{- default (printf "%s-catalog" (include "sluice-worker.fullname" .)) .Values.catalog.existingConfigMap -}}
{{- end -}}
