import { clusterMutants } from "./cluster-mutants.ts";
import { drillMutants } from "./drill-mutants.ts";
import type { Mutant } from "./mutant.ts";
import { processMutants } from "./process-mutants.ts";
import { restoreMutants } from "./restore-mutants.ts";
import { storeMutants } from "./store-mutants.ts";

export const mutants: readonly Mutant[] = [
  ...clusterMutants,
  ...storeMutants,
  ...processMutants,
  ...drillMutants,
  ...restoreMutants,
];

/** Throws where there is none of that name. */
export function mutantOf(name: string): Mutant {
  const found = mutants.find((mutant) => mutant.name === name);
  if (found === undefined) throw new Error(`there is no mutant "${name}"`);
  return found;
}
