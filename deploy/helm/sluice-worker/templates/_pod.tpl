{{/*
The pod of the StatefulSet and of the Job. Called with root, and drain: true for the Job.
*/}}
{{- define "sluice-worker.pod" -}}
{{- $root := .root -}}
{{- $drain := .drain -}}
{{- with $root.Values -}}
serviceAccountName: {{ include "sluice-worker.serviceAccountName" $root }}
# A worker asks nothing of Kubernetes. What IRSA needs is mounted by itself.
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .terminationGracePeriodSeconds }}
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  seccompProfile:
    type: RuntimeDefault
{{- with .imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range . }}
  {{- $constraint := deepCopy . }}
  {{- if not $constraint.labelSelector }}
  {{- $_ := set $constraint "labelSelector" (dict "matchLabels" (include "sluice-worker.selectorLabels" $root | fromYaml)) }}
  {{- end }}
  - {{ toYaml $constraint | nindent 4 | trim }}
  {{- end }}
{{- end }}
{{- if .saslPassword.existingSecret }}
initContainers:
  # Puts the password between the two halves of config.json, in memory.
  - name: config
    image: {{ include "sluice-worker.image" $root }}
    imagePullPolicy: {{ .image.pullPolicy }}
    command: [/bin/sh, -c]
    args:
      - |
        set -eu
        case $SASL_PASSWORD in
        '' | *[\"\\]*)
          echo 'the SASL password is empty, or has a quote or a backslash: put the whole config.json into a Secret (config.existingSecret)' >&2
          exit 1
          ;;
        esac
        printf '%s%s%s' "$CONFIG_HEAD" "$SASL_PASSWORD" "$CONFIG_TAIL" > /etc/sluice/config/config.json
    env:
      - name: SASL_PASSWORD
        valueFrom:
          secretKeyRef:
            name: {{ .saslPassword.existingSecret }}
            key: {{ .saslPassword.key }}
      - name: CONFIG_HEAD
        valueFrom:
          secretKeyRef:
            name: {{ include "sluice-worker.secretName" $root }}
            key: config.head
      - name: CONFIG_TAIL
        valueFrom:
          secretKeyRef:
            name: {{ include "sluice-worker.secretName" $root }}
            key: config.tail
    securityContext:
      {{- include "sluice-worker.securityContext" $root | nindent 6 }}
    resources:
      requests:
        cpu: 10m
        memory: 32Mi
      limits:
        memory: 64Mi
    volumeMounts:
      - name: config
        mountPath: /etc/sluice/config
{{- end }}
containers:
  - name: worker
    image: {{ include "sluice-worker.image" $root }}
    imagePullPolicy: {{ .image.pullPolicy }}
    # The image starts sluice.
    args:
      - worker
      - --config=/etc/sluice/config/{{ ternary "config.json" .config.key (empty .config.existingSecret) }}
      - --catalog=/etc/sluice/catalog/{{ ternary "catalog.json" .catalog.key (empty .catalog.existingConfigMap) }}
      - --metrics-addr=:{{ .metricsPort }}
      - --log-level={{ .logLevel }}
      {{- if $drain }}
      - --until-end
      {{- end }}
    {{- with include "sluice-worker.env" (dict "root" $root "drain" $drain) | trim }}
    env:
      {{- . | nindent 6 }}
    {{- end }}
    ports:
      - name: metrics
        containerPort: {{ .metricsPort }}
    startupProbe:
      httpGet:
        path: /healthz
        port: metrics
      {{- toYaml .probes.startup | nindent 6 }}
    livenessProbe:
      httpGet:
        path: /healthz
        port: metrics
      {{- toYaml .probes.liveness | nindent 6 }}
    readinessProbe:
      httpGet:
        path: /readyz
        port: metrics
      {{- toYaml .probes.readiness | nindent 6 }}
    securityContext:
      {{- include "sluice-worker.securityContext" $root | nindent 6 }}
    resources:
      {{- toYaml .resources | nindent 6 }}
    volumeMounts:
      - name: config
        mountPath: /etc/sluice/config
        readOnly: true
      - name: catalog
        mountPath: /etc/sluice/catalog
        readOnly: true
      {{- if or .caCertificates.existingSecret .caCertificates.existingConfigMap }}
      - name: ca-certificates
        mountPath: /etc/sluice/ca
        readOnly: true
      {{- end }}
volumes:
  - name: config
    {{- if .saslPassword.existingSecret }}
    emptyDir:
      medium: Memory
      sizeLimit: 1Mi
    {{- else }}
    secret:
      secretName: {{ include "sluice-worker.secretName" $root }}
      defaultMode: 0440
    {{- end }}
  - name: catalog
    configMap:
      name: {{ include "sluice-worker.catalogName" $root }}
  {{- if .caCertificates.existingSecret }}
  - name: ca-certificates
    secret:
      secretName: {{ .caCertificates.existingSecret }}
      defaultMode: 0440
  {{- else if .caCertificates.existingConfigMap }}
  - name: ca-certificates
    configMap:
      name: {{ .caCertificates.existingConfigMap }}
  {{- end }}
{{- end -}}
{{- end -}}

{{- define "sluice-worker.image" -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) | quote -}}
{{- end -}}

{{- define "sluice-worker.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "sluice-worker.annotations" -}}
# Pods start anew when what the chart puts into its Secret and its ConfigMap changes.
{{- with .Values.config.json }}
checksum/config: {{ include "sluice-worker.config" $ | sha256sum }}
{{- end }}
{{- with .Values.catalog.json }}
checksum/catalog: {{ . | sha256sum }}
{{- end }}
{{- with .Values.podAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Called with root and drain, as the pod. */}}
{{- define "sluice-worker.env" -}}
{{- $root := .root -}}
{{- $drain := .drain -}}
{{- with $root.Values -}}
{{- if and .staticMembership (not $drain) }}
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
# Two namespaces may have a release of one name, and Kafka fences the older of two members with one id.
- name: SLUICE_INSTANCE_ID
  value: $(POD_NAMESPACE).$(POD_NAME)
{{- end }}
{{- with .awsKeys }}
{{- if .existingSecret }}
- name: AWS_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret }}
      key: {{ .idKey }}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret }}
      key: {{ .secretKey }}
{{- end }}
{{- end }}
{{- if or .caCertificates.existingSecret .caCertificates.existingConfigMap }}
# Beside the image's own certificates; SSL_CERT_FILE would take their place.
- name: SSL_CERT_DIR
  value: /etc/sluice/ca
{{- end }}
{{- with .extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
{{- end -}}
