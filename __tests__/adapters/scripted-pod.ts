import { randomBytes } from "node:crypto";
import type { SizedFile } from "../../src/pod/file-stream.ts";
import { pod, success, type ExecSession, type ExecStep } from "./scripted-exec.ts";

export const partBytes = 10_000;
/** Four and a half parts. */
export const content = randomBytes(45_000);
export const podFile: SizedFile = { container: pod, file: "/var/lib/x.db", sizeBytes: content.length, partBytes };

/** The frames of one part, as a pod sends it: three of bytes, and the line behind them. */
export function framesOfPart(offset: number, lengthBytes: number): readonly ExecStep[] {
  const bytes = content.subarray(offset, offset + lengthBytes);
  const third = Math.ceil(lengthBytes / 3);
  return [
    [1, bytes.subarray(0, third)],
    [1, bytes.subarray(third, 2 * third)],
    [1, bytes.subarray(2 * third)],
    [1, `part ${String(offset)} ${String(lengthBytes)}\n`],
  ];
}

/** A command in a pod that sends parts of `content` as its input says; what it did is known afterwards. */
export interface PlayedStream {
  readonly session: ExecSession;
  /** The lines of its input, as they came. */
  readonly lines: readonly string[];
}

/**
 * Plays the pod's side: `change` says what is sent for the part of a line, the `index`th of its stream from 0, and `end` what for
 * the last line.
 */
export function playStream(
  session: ExecSession,
  change: (frames: readonly ExecStep[], index: number) => readonly ExecStep[] = (frames) => frames,
  end: readonly ExecStep[] = [[3, success], 1000],
): PlayedStream {
  const lines: string[] = [];
  session.webSocket.on("message", (data: Buffer) => {
    if (data[0] !== 0) return;
    const line = data.subarray(1).toString();
    lines.push(line);
    if (line === "end\n") session.play(...end);
    else {
      const [offset = 0, lengthBytes = 0] = line.split(" ").map(Number);
      session.play(...change(framesOfPart(offset, lengthBytes), lines.length - 1));
    }
  });
  return { session, lines };
}
