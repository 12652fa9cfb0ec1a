import { setTimeout as sleep } from "node:timers/promises";
import type { FaultAction } from "./faults.ts";

/**
 * The same bytes, a twentieth of a second's worth at a time, at the speed that the fault has by then; without such a
 * fault the chunks as they come.
 */
export async function* limitSpeed(
  chunks: AsyncIterable<Uint8Array>,
  fault: FaultAction | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks)
    if (fault?.kind === "slow-body") {
      let rest = chunk;
      while (rest.byteLength > 0) {
        const { bytesPerSecond } = fault;
        const piece = rest.subarray(0, Math.ceil(bytesPerSecond / 20));
        await sleep((piece.byteLength / bytesPerSecond) * 1000);
        yield piece;
        rest = rest.subarray(piece.byteLength);
      }
    } else yield chunk;
}
