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
  /** One part: 8 MiB over 1 Mbit/s takes 64 s. */
  partTimeoutMs: 120_000,
  /** Between two looks at something that changes within a second. */
  pollMs: 250,
  /** The operators were observed to copy a pause within 70 ms, and within 73 s after losing a leader. */
  pauseConfirmedMs: 90_000,
  /** How much longer than its grace period a writer's pod may take to be gone: the API server's own delay in telling. */
  podGoneSlackMs: 30_000,
  /** A snapshot was observed to have its first bytes after 15 to 26 ms; a member that needs this long is in trouble. */
  snapshotOpenedMs: 30_000,
  /** Slowest disk that is waited for: a save gets this long plus a second for each 5 MiB. */
  snapshotBaseMs: 120_000,
  snapshotBytesPerSecond: 5 * 1024 * 1024,
  /** Three API servers took 13 to 60 s to start on a busy machine; HyperShift's probes allow three minutes. */
  writersReadyMs: 300_000,
  /** How long a proven snapshot waits for its record, so that the record can name the downtime. */
  recordPatienceMs: 60_000,
  /** Added to the largest grace period for the first deadline: gate, scale-down and the opening of the snapshot. */
  holdSlackMs: 60_000,
  /** What must be left of the hold before the capture starts: its opening, and a scale-up with retries. */
  captureReserveMs: 45_000,
  /** A lock without a pause (online backup, or after the release). */
  lockMs: 15 * 60_000,
  /** Undo on a signal: the runner sends SIGTERM after 7.5 s. */
  undoOnSignalMs: 6_000,
  /** Between two tries of an undo that failed, whatever the reason: an outage, or permissions that are being applied anew. */
  undoRetryMs: 1_000,
  /** Putting back after an error, and in the post step: the runner ends a job about 4.5 min after it was cancelled. */
  undoMs: 120_000,
  /** Removing files, uploads and objects, after the cluster was put back; what then stays is a warning. */
  cleanUpMs: 100_000,
  /** The whole post step, so that it can still say how things are. */
  postMs: 240_000,
  /** Connection and answer of the object store; a part of 8 MiB over 1 Mbit/s takes 64 s. */
  storeConnectMs: 10_000,
  storeRequestMs: 120_000,
  /** Tries of one request to the store, 0.1 s apart at most, doubled each time: in all 13 s on average, for one that restarts. */
  storeTries: 9,
  /** Writing the record and reading it back, also in a cancelled run: two requests, each of which may need a second try. */
  recordMs: 500_000,
  /** Asking GitHub whether a run is over; without an answer the deadline counts, so nothing waits longer. */
  workflowRunMs: 10_000,
} as const;
