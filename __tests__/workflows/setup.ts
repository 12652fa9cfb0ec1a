import { networkInterfaces } from "node:os";

/** Lets nothing start where act could reach more than this machine. */
export function setup(): void {
  const outward = Object.values(networkInterfaces()).some((addresses = []) =>
    addresses.some(({ internal }) => !internal),
  );
  if (outward || process.env["ACT_PROGRAM"] === undefined)
    throw new Error("start these tests by `npm run test:workflows`: they need a network namespace of their own");
}
