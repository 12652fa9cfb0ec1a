import type { Masks, Stage } from "./masks.ts";
import { findWorkflowCommand, type WorkflowCommand } from "./workflow-commands.ts";

export type LineKind = "text" | "group" | "endgroup" | "error" | "warning" | "notice" | "debug" | "command";

/** One line that was printed, and what became of it. */
export interface LogLine {
  readonly stage: Stage;
  readonly kind: LineKind;
  /** `details`: the inputs and environment that the runner itself lists before the step starts. */
  readonly origin: "stdout" | "stderr" | "runner" | "details";
  /** Masked, as a user sees it; undefined for what is not shown (`::add-mask::`, the end of a group, debug without debug). */
  readonly shown: string | undefined;
  readonly raw: string;
  /** How many of the job's masks were registered when it was printed. */
  readonly maskCount: number;
  /** Milliseconds since the stage began. */
  readonly atMs: number;
}

export interface Annotation {
  readonly level: "error" | "warning" | "notice";
  /** As printed: only the message is masked by the runner. */
  readonly title: string;
  /** Masked, at most 4096 characters. */
  readonly message: string;
  readonly properties: ReadonlyMap<string, string>;
}

/** Annotations of each level that a step can have, and their length (ExecutionContext.cs). */
const annotationLimit = 10;
const annotationLengthLimit = 4096;

export interface StepLogOptions {
  readonly stage: Stage;
  readonly masks: Masks;
  readonly debug: boolean;
  readonly onLine: (line: LogLine) => void;
}

/** The log of one stage: takes lines as they are printed, runs their commands, keeps what a user sees. */
export class StepLog {
  readonly lines: LogLine[] = [];
  readonly annotations: Annotation[] = [];
  /** What the action did that the runner refuses or calls deprecated. */
  readonly problems: string[] = [];
  droppedAnnotations = 0;
  /** A command was refused: the stage fails whatever its exit code. */
  failed = false;
  readonly #options: StepLogOptions;
  readonly #startedMs = performance.now();
  #resumeToken: string | undefined;

  constructor(options: StepLogOptions) {
    this.#options = options;
  }

  /** A line of the process; a secret of an earlier line is masked in it, one that it registers itself is not shown at all. */
  read(raw: string, origin: "stdout" | "stderr" | "runner"): void {
    const command = findWorkflowCommand(raw, this.#resumeToken);
    if (command === undefined) {
      this.#add("text", raw, origin, raw);
    } else if (this.#resumeToken !== undefined) {
      const resumed = command.name === this.#resumeToken.toLowerCase();
      if (resumed) this.#resumeToken = undefined;
      this.#add(resumed ? "command" : "text", raw, origin, raw);
    } else {
      this.#run(command, raw, origin);
    }
  }

  /** A line of the runner itself. */
  print(text: string, origin: "runner" | "details" = "runner"): void {
    for (const line of text.split("\n")) this.#add("text", line, origin, line);
  }

  /** An error or warning of the runner itself, which is an annotation too. */
  report(level: "error" | "warning", message: string): void {
    this.#annotate({ name: level, properties: new Map(), data: message }, level, message, "runner");
  }

  /** The log as a user reads it, each line once. */
  shown(): string {
    return this.lines.flatMap((line) => line.shown ?? []).join("\n");
  }

  /** What was printed, before any mask. */
  raw(): string {
    return this.lines.map((line) => line.raw).join("\n");
  }

  #run(command: WorkflowCommand, raw: string, origin: LogLine["origin"]): void {
    const { name, data } = command;
    switch (name) {
      case "group":
        this.#add("group", raw, origin, `▼ ${data}`);
        break;
      case "endgroup":
        this.#add("endgroup", raw, origin, undefined);
        break;
      case "error":
      case "warning":
      case "notice":
        this.#annotate(command, name, raw, origin);
        break;
      case "debug":
        this.#add("debug", raw, origin, this.#options.debug ? `##[debug]${data}` : undefined);
        break;
      case "add-mask":
        // Registered first: the runner must not show the line that brings the secret.
        this.#options.masks.add(data, { source: "add-mask", stage: this.#options.stage, line: this.lines.length });
        this.#add("command", raw, origin, this.#options.debug ? "::add-mask::***" : undefined);
        if (data.trim() === "") {
          this.problems.push("An empty value was masked.");
          this.report("warning", "Can't add secret mask for empty string in ##[add-mask] command.");
        }
        break;
      case "stop-commands":
        this.#resumeToken = data;
        this.#add("command", raw, origin, raw);
        break;
      case "save-state":
      case "set-output":
        this.#add("command", raw, origin, undefined);
        this.problems.push(`The command ${name} is deprecated.`);
        this.report("warning", `The \`${name}\` command is deprecated and will be disabled soon.`);
        break;
      case "set-env":
      case "add-path":
        this.#add("command", raw, origin, undefined);
        this.problems.push(`The command ${name} is disabled.`);
        this.report("error", `Unable to process command '${raw}' successfully: the ${name} command is disabled.`);
        this.failed = true;
        break;
      default:
        this.#add("command", raw, origin, undefined);
    }
  }

  #annotate(command: WorkflowCommand, level: Annotation["level"], raw: string, origin: LogLine["origin"]): void {
    const label = { error: "Error", warning: "Warning", notice: "Notice" }[level];
    this.#add(level, raw, origin, `${label}: ${command.data}`);
    if (this.annotations.filter((annotation) => annotation.level === level).length >= annotationLimit) {
      this.droppedAnnotations++;
      return;
    }
    this.annotations.push({
      level,
      title: command.properties.get("title") ?? "",
      message: this.#options.masks.apply(command.data).slice(0, annotationLengthLimit),
      properties: command.properties,
    });
  }

  #add(kind: LineKind, raw: string, origin: LogLine["origin"], shown: string | undefined): void {
    const line: LogLine = {
      stage: this.#options.stage,
      kind,
      origin,
      raw,
      shown: shown === undefined ? undefined : this.#options.masks.apply(shown),
      maskCount: this.#options.masks.registered.length,
      atMs: performance.now() - this.#startedMs,
    };
    this.lines.push(line);
    this.#options.onLine(line);
  }
}
