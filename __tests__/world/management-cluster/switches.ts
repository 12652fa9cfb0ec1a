/** What can be changed while the world runs: `cluster.set({ … })`. All have a default; see defaultSwitches. */
export interface Switches {
  /** hypershift-operator: copies the pause from the HostedCluster to the HostedControlPlane. */
  readonly hypershiftOperator: "alive" | "dead";
  /** control-plane-operator: takes notice of the pause, puts replicas back. */
  readonly controlPlaneOperator: "alive" | "dead";
  /** From a change of the HostedCluster to its copy in the HostedControlPlane; observed: 34 ms. */
  readonly copyDelayMs: number;
  /** From a change of the HostedControlPlane to its condition, and to replicas put back; observed: 33 ms, 200 ms. */
  readonly reconcileDelayMs: number;
  /**
   * The control-plane-operator is in the middle of an update when the pause reaches the HostedControlPlane, and ends it
   * before it takes notice: writers found at 0 are put back and stay up. Seen in 9 of 30 rounds by those who do not wait.
   */
  readonly updateUnderWay: boolean;
  /** Puts scaled-down writers back although paused: what must not happen, and is to be survived or reported. */
  readonly rescalesWhilePaused: "never" | "once" | "always";
  /** Writers whose new pods never become ready. */
  readonly stuckWriters: readonly string[];
  /** False: the etcd pods say that they are not ready. etcd itself answers. */
  readonly etcdReady: boolean;
  /** From the deletion of a pod to its end; its writer writes on meanwhile. */
  readonly drainMs: number;
  /** From the creation of a pod to its readiness. */
  readonly startMs: number;
  /** Size of the volume at /var/lib, for df. */
  readonly volumeSizeBytes: number;
  /** `snapshot save` hits a full volume: the real error of etcdctl, nothing on the machine is filled. */
  readonly volumeFull: boolean;
  /** How fast the stream of `snapshot save` is, always or by what is through; Infinity: as fast as it goes. */
  readonly saveBytesPerSecond: number | ((sentBytes: number) => number);
  /** A lease ends when a save reaches etcd: its key is deleted by etcd itself, a revision nobody wrote. */
  readonly leaseEndsBeforeSave: boolean;
  /** Runs when a save reaches etcd, before it is served. */
  readonly beforeSave: (() => Promise<void>) | undefined;
  /** Kubernetes 1.35 and newer ask for `create` on pods/exec besides `get` (kubernetes/kubernetes#134577). */
  readonly execNeedsCreate: boolean;
  /** Subprotocols of exec that the server knows; v5 came with 1.29. */
  readonly execProtocols: "v4-and-v5" | "v4";
}

export const defaultSwitches: Switches = {
  hypershiftOperator: "alive",
  controlPlaneOperator: "alive",
  copyDelayMs: 30,
  reconcileDelayMs: 30,
  updateUnderWay: false,
  rescalesWhilePaused: "never",
  stuckWriters: [],
  etcdReady: true,
  drainMs: 300,
  startMs: 300,
  volumeSizeBytes: 8 * 1024 ** 3,
  volumeFull: false,
  saveBytesPerSecond: Infinity,
  leaseEndsBeforeSave: false,
  beforeSave: undefined,
  execNeedsCreate: true,
  execProtocols: "v4-and-v5",
};
