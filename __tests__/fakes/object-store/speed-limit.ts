import { setTimeout as sleep } from "node:timers/promises";

/** The same bytes, a twentieth of a second's worth at a time; without a limit the chunks as they come. */
export async function* limitSpeed(
  chunks: AsyncIterable<Uint8Array>,
  bytesPerSecond: number | undefined,
): AsyncGenerator<Uint8Array> {
  const stepBytes = bytesPerSecond === undefined ? Number.POSITIVE_INFINITY : Math.ceil(bytesPerSecond / 20);
  for await (const chunk of chunks)
    for (let start = 0; start < chunk.byteLength; start += stepBytes) {
      const piece = chunk.subarray(start, start + stepBytes);
      if (bytesPerSecond !== undefined) await sleep((piece.byteLength / bytesPerSecond) * 1000);
      yield piece;
    }
}
