import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { isJsonObject } from "../../__tests__/world/management-cluster/json.ts";
import { listAt, stringAt } from "../../src/json-path.ts";
import { waitUntil } from "../wait.ts";
import type { KubeClient } from "./kube-client.ts";

const ownFolder = fileURLToPath(new URL("../crds", import.meta.url));
/** HyperShift's own, beside the repository where a developer has them. */
const realFolder = fileURLToPath(new URL("../../../shared/hypershift/crds", import.meta.url));

/** Applies HyperShift's CRDs, else the project's trimmed ones; returns which. */
export async function applyCrds(admin: KubeClient): Promise<"HyperShift's" | "trimmed"> {
  let origin: "HyperShift's" | "trimmed" = "HyperShift's";
  for (const plural of ["hostedclusters", "hostedcontrolplanes", "nodepools"]) {
    const text = await readFile(join(realFolder, `${plural}-main.yaml`), "utf8").catch(() => {
      origin = "trimmed";
      return readFile(join(ownFolder, `${plural}.yaml`), "utf8");
    });
    const crd: unknown = parse(text);
    if (!isJsonObject(crd)) throw new Error(`${plural}.yaml holds no object`);
    await admin.apply(crd);
    const name = `${plural}.hypershift.openshift.io`;
    await waitUntil(`CRD ${plural} is served`, () => isEstablished(admin, name), { timeoutMs: 60_000 });
  }
  return origin;
}

async function isEstablished(admin: KubeClient, name: string): Promise<boolean> {
  const crd = await admin.find("CustomResourceDefinition", "", name);
  return listAt(crd, "status", "conditions").some(
    (condition) => stringAt(condition, "type") === "Established" && stringAt(condition, "status") === "True",
  );
}
