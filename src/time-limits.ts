/** Every time-out, interval and number of tries of the action, in one place; milliseconds unless the name says otherwise. */
export const limits = {
  /** One request to the API server: an answer later than this comes from a server in trouble. */
  requestTimeoutMs: 30_000,
  /** Tries of one request to a server that never answered: a wrong address is told within seconds. */
  requestTries: 6,
  /** How long one request to a server that has answered before is tried: a single API server restarts within a minute. */
  requestPatienceMs: 60_000,
  /** A kube-apiserver that has just started refuses what it grants as soon as it has read the roles; seen for a second. */
  serverWarmUpMs: 15_000,
  /** One answer of the API server: etcd keeps no object over 1.5 MiB, and a control plane has some hundred pods. */
  apiAnswerMaxBytes: 64 * 1024 * 1024,
  /** A connection that nothing used for this long is not used again: firewalls forget idle ones without a word. */
  requestIdleMs: 10_000,
  /** First delay between two tries, doubled each time with full jitter. */
  retryDelayMs: 250,
  /** Longest delay between two tries, a Retry-After included: longer would eat the hold's time. */
  retryDelayMaxMs: 5_000,
  /** One exec that answers at once (reading a file's size, a revision). */
  execTimeoutMs: 30_000,
  /** An exec stream without a byte and without an answered ping is taken for cut; load balancers cut after 20 to 60 s. */
  execStallMs: 20_000,
  execPingMs: 5_000,
  /** After the exit status the API server closes; where the closing is lost, nothing is missing any more. */
  execCloseMs: 2_000,
  /** Cuts of one command in a pod that may run again; an API server that is away has `requestPatienceMs`. */
  execTries: 5,
  /** A pod or node that is away during the transfer: drained to another node it took 5 s here, and a volume has to move with it. */
  podPatienceMs: 120_000,
  /** One part from the pod: two are in flight on a slow line, so 8 MiB over 1 Mbit/s take 134 s; at 16 KiB/s each, 512 s. */
  partTimeoutMs: 600_000,
  /** Nothing comes of a part that is awaited, while its connection answers: its line is lost, or the disk is stuck. */
  partSilenceMs: 60_000,
  /** Nothing comes of a part after what looks like its end, before all of its bytes: the file is shorter. */
  partShortMs: 2_000,
  /** One command that sends parts; its successor goes on. Behind a connection whose loss no pod learns of it ends by this. */
  partsTimeoutMs: 30 * 60_000,
  /** Parts that take longer, from their first question to the store's answer, come over a slow line: more at once get slower. */
  quickPartMs: 10_000,
  /** Between two looks at something that changes within a second, and that stopped API servers wait for. */
  pollMs: 250,
  /** Between two looks at something that nobody is stopped for. */
  patientPollMs: 500,
  /** Between two looks at everything while pods of the writers drain: 70 s, in which HyperShift may bring one back. */
  rescaleLookMs: 2_000,
  /** One question for the end of a save, which waits in the pod: each exec starts a process of the node's runtime. */
  saveLookMs: 10_000,
  /** The operators were observed to copy a pause within 70 ms, and within 73 s after losing a leader. */
  pauseConfirmedMs: 90_000,
  /** How much longer than its grace period a writer's pod may take to be gone: the API server's own delay in telling. */
  podGoneSlackMs: 30_000,
  /** A snapshot was observed to have its first bytes after 15 to 26 ms; a member that needs this long is in trouble. */
  snapshotOpenedMs: 30_000,
  /** Slowest disk that is waited for: a save gets this long plus a second for each 5 MiB. */
  snapshotBaseMs: 120_000,
  snapshotBytesPerSecond: 5 * 1024 * 1024,
  /** A member that hashes its keys reads all of them: it gets this long plus a second for each 20 MiB. */
  hashBaseMs: 30_000,
  hashBytesPerSecond: 20 * 1024 * 1024,
  /** Three API servers took 13 to 60 s to start on a busy machine; HyperShift's probes allow three minutes. */
  writersReadyMs: 300_000,
  /** How long a proven snapshot waits for its record, so that the record can name the downtime. */
  recordPatienceMs: 60_000,
  /** Added to the largest grace period for the first deadline: gate, scale-down and the opening of the snapshot. */
  holdSlackMs: 60_000,
  /** The least that must be left of the hold before the capture starts: its opening, and a scale-up with retries. */
  captureReserveMs: 45_000,
  /** A lock without a pause (online backup, or after the release). */
  lockMs: 15 * 60_000,
  /** Between two looks whether the lock is to be renewed, or this machine's clocks have gone apart; nothing is asked then. */
  lockTickMs: 1_000,
  /** Wall clock and monotonic clock that are further apart tell of a suspend, or of a time that somebody set. */
  clockDriftMs: 5_000,
  /** API servers whose answers are further apart have clocks that no deadline can be trusted to; NTP steps are smaller. */
  serverClocksApartMs: 120_000,
  /** Undo on a signal: the runner sends SIGTERM after 7.5 s. */
  undoOnSignalMs: 6_000,
  /** Between two tries of an undo that failed, whatever the reason: an outage, or permissions that are being applied anew. */
  undoRetryMs: 1_000,
  /** Looks at the HostedCluster that fail for this long: the API servers are brought back without one. */
  undoUnseenMs: 2_000,
  /** Putting back after an error, and in the post step: the runner ends a job about 4.5 min after it was cancelled. */
  undoMs: 120_000,
  /** Removing files, uploads and objects, after the cluster was put back; what then stays is a warning. */
  cleanUpMs: 100_000,
  /** An object of another run without a record: a lifecycle rule, a replication or a human may be about to bring it back. */
  abandonedMs: 7 * 86_400_000,
  /** The whole post step, so that it can still say how things are. */
  postMs: 240_000,
  /** Connection to the object store, and its longest silence; a body that is sent adds its own time, at the lowest rate. */
  storeConnectMs: 10_000,
  storeRequestMs: 120_000,
  /** Lowest rate of one connection, measured over a window: four parts at once over 1 Mbit/s have 32 KiB/s each. */
  storeBytesPerSecond: 16 * 1024,
  storeRateWindowMs: 60_000,
  /** Answers that are not objects: a page of 1,000 keys has less than 4 MiB; a completion may take minutes on AWS. */
  storeAnswerMs: 600_000,
  storeAnswerMaxBytes: 16 * 1024 * 1024,
  /** Pages of one listing: 1,000 keys each, which is more snapshots than anybody keeps in one folder. */
  storePages: 1_000,
  /** A runner's clock that is as far from the store's is told: signed URLs end by the store's. */
  clockWarnMs: 60_000,
  /** Tries of one request to the store, 0.1 s apart at most, doubled each time: in all 13 s on average, for one that restarts. */
  storeTries: 9,
  /** Writing the record, or the sealed keys, and reading them back, also in a cancelled run: two requests, each of which may need a second try. */
  recordMs: 500_000,
  /** Reading the records of a cluster's folder, for the summary: 365 of them take seconds, and no backup waits longer for a table. */
  catalogueMs: 60_000,
  /** Removing what no rule keeps; the rest is the next backup's. */
  retentionMs: 300_000,
  /** From the apply of a restored hosted cluster until its last member fetches the snapshot: volume, scheduling, images. */
  fetchStartMs: 10 * 60_000,
  /** Slowest line of a management cluster to the store that a signed URL is expected to last for. */
  fetchBytesPerSecond: 5 * 1024 * 1024,
  /** Asking GitHub whether a run is over; without an answer the deadline counts, so nothing waits longer. */
  workflowRunMs: 10_000,
  /** From the look at a new cluster to a restored etcd: 8 GiB over 100 Mbit/s take 11 min, kubelet's pause after a failure 5. */
  restoredMs: 30 * 60_000,
  /** From a restored etcd to a ready kube-apiserver: its images, and the parts of HyperShift that it waits for. */
  restoredServerMs: 15 * 60_000,
  /** Between two looks at a cluster that is being restored. */
  restorePollMs: 2_000,
  /** Writing the comment of a restore: GitHub's secondary rate limits ask for a minute. */
  commentMs: 120_000,
  /** Between two looks at the pod of a drill: it does in seconds what there is to see. */
  drillPollMs: 500,
  /** Between two looks at the hosted cluster in a drill: a backup that comes meanwhile is left alone. */
  drillLookMs: 5_000,
  /** A scheduler that finds no node for the pod of a drill: one that is being added for it takes minutes. */
  drillScheduleMs: 180_000,
  /** The node's word that the pod of a drill has ended; a kubelet needs some seconds. */
  drillGoneMs: 45_000,
  /** An API server on a restored etcd: it was seen to serve after a second, and reads every CRD before it is ready. */
  drillApiServerMs: 180_000,
  /** How many earlier drills the summary shows. */
  drillsShown: 14,
} as const;
