// src/start.ts
var oldestNode = 24;
async function startStep(role) {
  process.exitCode = 1;
  if (Number(process.versions.node.split(".")[0]) < oldestNode) {
    const found = `the runner starts it with ${process.versions.node}`;
    printError("runner-unsuitable", `this action needs Node.js ${oldestNode}, and ${found}: update the runner`);
    return;
  }
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"])
    process.on(signal, () => {
      interrupted.abort("signal");
    });
  process.on("uncaughtException", (error) => {
    interrupted.abort(error);
  });
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", () => {
      interrupted.abort("log-closed");
    });
  try {
    const { runStep } = await import("./action.js");
    process.exitCode = await runStep(role, interrupted.signal);
  } catch (error) {
    const kind = error instanceof Error ? error.name : typeof error;
    printError("internal", `the action could not be loaded (${kind}): the folder dist is not as it was published`);
  }
  process.exit();
}
function printError(code, message) {
  console.log(`::error title=${code}::${message}`);
}

// src/main.ts
await startStep("main");
