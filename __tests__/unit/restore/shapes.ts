/** Manifests as people have them, by what is particular in each. Key names of Secrets follow HyperShift's own. */
export const shapes: Readonly<Record<string, string>> = {
  azure: `apiVersion: v1
kind: Namespace
metadata:
  name: tenants
spec: {}
status: {}
---
apiVersion: v1
data:
  .dockerconfigjson: e30=
kind: Secret
metadata:
  labels:
    hypershift.openshift.io/safe-to-delete-with-cluster: "true"
  name: blue-pull-secret
  namespace: tenants
---
apiVersion: v1
data:
  key: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
kind: Secret
metadata:
  name: blue-etcd-encryption-key
  namespace: tenants
type: Opaque
---
apiVersion: hypershift.openshift.io/v1beta1
kind: HostedCluster
metadata:
  annotations:
    resource-request-override.hypershift.openshift.io/kube-apiserver.kube-apiserver: memory=3Gi
  name: blue
  namespace: tenants
spec:
  controllerAvailabilityPolicy: HighlyAvailable
  dns:
    baseDomain: azure.example
  etcd:
    managed:
      storage:
        persistentVolume:
          size: 16Gi
          storageClassName: managed-csi
        type: PersistentVolume
    managementType: Managed
  fips: false
  infraID: blue-7xk2p
  issuerURL: https://blueoidc.example/blue
  networking:
    clusterNetwork:
    - cidr: 10.132.0.0/14
    machineNetwork:
    - cidr: 10.0.0.0/16
    networkType: OVNKubernetes
    serviceNetwork:
    - cidr: 172.31.0.0/16
  platform:
    azure:
      azureAuthenticationConfig:
        azureAuthenticationConfigType: WorkloadIdentities
        workloadIdentities:
          ingress:
            clientID: 00000000-0000-4000-8000-000000000001
      cloud: AzurePublicCloud
      location: westeurope
      resourceGroup: blue-rg
      subnetID: /subscriptions/0/resourceGroups/blue-net/subnets/default
    type: Azure
  pullSecret:
    name: blue-pull-secret
  release:
    image: registry.example/ocp-release:5.1.2-multi
  secretEncryption:
    aescbc:
      activeKey:
        name: blue-etcd-encryption-key
    type: aescbc
  services:
  - service: APIServer
    servicePublishingStrategy:
      type: LoadBalancer
      loadBalancer:
        hostname: api.blue.azure.example
  - service: OAuthServer
    servicePublishingStrategy:
      route:
        hostname: oauth.blue.azure.example
      type: Route
  sshKey: {}
status:
  controlPlaneEndpoint:
    host: ""
    port: 0
---
apiVersion: hypershift.openshift.io/v1beta1
kind: NodePool
metadata:
  name: blue
  namespace: tenants
spec:
  clusterName: blue
  replicas: 2
---
`,
  "openstack-crlf": `apiVersion: hypershift.openshift.io/v1beta1
kind: HostedCluster
metadata:
  name: green
  namespace: clusters
spec:
  controllerAvailabilityPolicy: SingleReplica
  dns:
    baseDomain: cloud.example
  etcd:
    managed:
      storage:
        persistentVolume:
          size: 8Gi
        type: PersistentVolume
    managementType: Managed
  infraID: green-abcde # of the old cluster
  networking:
    clusterNetwork:
    - cidr: 10.132.0.0/14
    machineNetwork:
    - cidr: 192.168.25.0/24
    serviceNetwork:
    - cidr: 172.31.0.0/16
  platform:
    openstack:
      externalNetwork:
        id: 5d3c9ed6-0000-4000-8000-000000000000
      identityRef:
        cloudName: openstack
        name: green-cloud-credentials
    type: OpenStack
  pullSecret:
    name: green-pull-secret
  release:
    image: registry.example/ocp-release:4.20.3-x86_64
  secretEncryption:
    aescbc:
      activeKey:
        name: green-etcd-encryption-key
    type: aescbc
  services:
  - service: APIServer
    servicePublishingStrategy:
      type: LoadBalancer
  sshKey:
    name: green-ssh-key
---
`.replaceAll("\n", "\r\n"),
  "powervs-empty-ids": `# Rendered without --infra-id: the old one is to be taken.
apiVersion: hypershift.openshift.io/v1beta1
kind: HostedCluster
metadata:
  name: "red"
  namespace: 'clusters'
spec: # what is wanted
  # nobody knows it by heart
  infraID:
  clusterID: "" # nor this one
  controllerAvailabilityPolicy: SingleReplica
  dns: {baseDomain: power.example}
  etcd:
    managementType: Managed
    managed:
      # where etcd lives
      storage:
        # as large as the old one
        persistentVolume: {size: 8Gi}
        type:   PersistentVolume
  networking:
    clusterNetwork: [{cidr: 10.132.0.0/14}]
    serviceNetwork: [{cidr: 172.31.0.0/16}]
  platform:
    powervs:
      accountID: acc
      imageRegistryOperatorCloudCreds: {name: red-image-registry-creds}
      ingressOperatorCloudCreds: {name: red-ingress-creds}
      kubeCloudControllerCreds: {name: red-ccm-creds}
      nodePoolManagementCreds: {name: red-nodepool-creds}
      storageOperatorCloudCreds: {name: red-storage-creds}
      region: eu-de
    type: PowerVS
  pullSecret: {name: red-pull-secret}
  release: {image: "registry.example/ocp-release:4.20.3-ppc64le"}
  secretEncryption:
    type: aescbc
    aescbc: {} # HyperShift's own name
  services: []
  sshKey: {name: red-ssh-key}
`,
  "gcp-rendered-before": `apiVersion: hypershift.openshift.io/v1beta1
kind: HostedCluster
metadata:
  name: grey
  namespace: clusters
spec:
  controllerAvailabilityPolicy: SingleReplica
  etcd:
    managed:
      storage:
        persistentVolume:
          size: 8Gi
        restoreSnapshotURL:
        - https://store.example/backups/a.db?X-Amz-Signature=of-yesterday # is over
        type: PersistentVolume
    managementType: Managed
  infraID: grey-q2w3e
  networking:
    clusterNetwork:
    - cidr: 10.132.0.0/14
    serviceNetwork:
    - cidr: 172.31.0.0/16
  platform:
    gcp:
      endpointAccess: PublicAndPrivate
      project: example-project
      region: europe-west3
    type: GCP
  pullSecret:
    name: grey-pull-secret
  release:
    image: registry.example/ocp-release:4.22.0-multi
  secretEncryption:
    aescbc:
      activeKey:
        name: grey-etcd-encryption-key
    type: aescbc
  services: []
  sshKey: {}
---
apiVersion: v1
kind: Secret
metadata:
  name: grey-etcd-encryption-key
  namespace: clusters
stringData:
  # with a line break, as echo adds it
  key: |
    0123456789abcdef0123456789abcdef
  note: kept
data:
  other: AA==
`,
  "aws-kms": `apiVersion: hypershift.openshift.io/v1beta1
kind: HostedCluster
metadata:
  annotations:
    hypershift.openshift.io/cleanup-cloud-resources: "true"
  name: gold
  namespace: clusters
spec:
  additionalTrustBundle:
    name: gold-bundle
  configuration:
    oauth:
      identityProviders:
      - mappingMethod: claim
        name: corporate
        openID:
          ca:
            name: corporate-ca
          clientID: gold
          clientSecret:
            name: corporate-secret
        type: OpenID
    proxy:
      trustedCA:
        name: ""
  controllerAvailabilityPolicy: SingleReplica
  dns:
    baseDomain: aws.example
    privateZoneID: Z1
    publicZoneID: Z2
  etcd:
    managed:
      storage:
        persistentVolume:
          size: 8Gi
          storageClassName: gp3-csi
        type: PersistentVolume
    managementType: Managed
  infraID: gold-m4n5b
  issuerURL: https://oidc.example/gold
  networking:
    clusterNetwork:
    - cidr: 10.132.0.0/14
    machineNetwork:
    - cidr: 10.0.0.0/16
    serviceNetwork:
    - cidr: 172.31.0.0/16
  platform:
    aws:
      endpointAccess: Public
      region: eu-central-1
    type: AWS
  pullSecret:
    name: gold-pull-secret
  release:
    image: registry.example/ocp-release@sha256:${"d".repeat(64)}
  secretEncryption:
    kms:
      aws:
        activeKey:
          arn: arn:aws:kms:eu-central-1:111122223333:key/now
        auth:
          awsKms: arn:aws:iam::111122223333:role/gold-kms
        region: eu-central-1
      provider: AWS
    type: kms
  serviceAccountSigningKey:
    name: gold-signing-key
  services:
  - service: APIServer
    servicePublishingStrategy:
      type: Route
      route: {hostname: api.gold.aws.example}
  sshKey: {}
`,
  "json-by-hand": `{"apiVersion": "hypershift.openshift.io/v1beta1", "kind": "HostedCluster",
 "metadata": {"name": "black", "namespace": "clusters"},
 "spec": {"infraID": null, "controllerAvailabilityPolicy": "SingleReplica",
   "etcd": {"managementType": "Managed", "managed": {"storage": {"type": "PersistentVolume", "persistentVolume": {"size": "8Gi"}}}},
   "platform": {"type": "None"}, "pullSecret": {"name": "black-pull-secret"}, "sshKey": {},
   "release": {"image": "registry.example/ocp-release:4.22.0"}, "networking": {},
   "secretEncryption": {"type": "aescbc", "aescbc": {"activeKey": {"name": "black-etcd-encryption-key"}}},
   "services": []}}
`,
};
