/** What is drawn at random is drawn by this: anew in each run, or as SEED says. */
export const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
