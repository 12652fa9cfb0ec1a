import type { ActionError } from "../../errors.ts";
import type { ObjectRef } from "../../ports.ts";
import type { PostReport } from "../../recover/after-main.ts";
import { failureRows, hostedClusterRow, othersText } from "./cells.ts";
import { outcomeOf, type FindDocs, type Summary } from "./summary.ts";

/** The outcome of the post step: the last word on a backup that did not put everything back itself. */
export interface PostEnd {
  readonly hostedCluster: ObjectRef;
  readonly report: Readonly<PostReport>;
  readonly failure: ActionError | undefined;
  readonly findDocs: FindDocs;
}

export function summarizePost({ hostedCluster, report, failure, findDocs }: PostEnd): Summary {
  const texts = {
    untouched: "never stopped",
    down: "<strong>NOT back</strong>: not seen to be ready",
    back: "back",
    others: othersText,
  } as const;
  return {
    outcome: outcomeOf(failure),
    heading: `etcd backup: after its end, ${failure === undefined ? "all is put back" : "something is left"}`,
    rows: [
      ["API servers", texts[report.apiServers]],
      ...(failure === undefined
        ? [["Result", "the post step saw that everything of this run is put back"] as const]
        : failureRows(failure, findDocs)),
      ...hostedClusterRow(hostedCluster),
    ],
  };
}
