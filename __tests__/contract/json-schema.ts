/** The keywords of JSON Schema 2020-12 that docs/record.schema.json uses; another one is an error, not ignored. */
const keywords = new Set([
  "$schema",
  "$defs",
  "$ref",
  "title",
  "description",
  "type",
  "const",
  "enum",
  "pattern",
  "minLength",
  "minimum",
  "minItems",
  "items",
  "required",
  "properties",
]);

export type Schema = Readonly<Record<string, unknown>>;

/** What is wrong with `value`, each with its path; empty when it is valid. Throws for a keyword that it does not know. */
export function findViolations(value: unknown, schema: Schema, root: Schema = schema, path = "$"): readonly string[] {
  const unknown = Object.keys(schema).filter((keyword) => !keywords.has(keyword));
  if (unknown.length > 0) throw new Error(`the schema of ${path} uses ${unknown.join(", ")}`);
  const fail = (problem: string, holds: boolean): string[] => (holds ? [] : [`${path} ${problem}`]);
  const { $ref, type, pattern, minLength, minimum, minItems, items } = schema;
  return [
    ...(typeof $ref === "string" ? findViolations(value, resolve(root, $ref), root, path) : []),
    ...(type === undefined ? [] : fail(`is no ${JSON.stringify(type)}`, isOfType(value, type))),
    ...("const" in schema ? fail("is another constant", value === schema["const"]) : []),
    ...(Array.isArray(schema["enum"]) ? fail("is none of the choices", schema["enum"].includes(value)) : []),
    ...(typeof value === "string" && typeof pattern === "string"
      ? fail("has another form", new RegExp(pattern, "u").test(value))
      : []),
    ...(typeof value === "string" && typeof minLength === "number"
      ? fail("is too short", value.length >= minLength)
      : []),
    ...(typeof value === "number" && typeof minimum === "number" ? fail("is too small", value >= minimum) : []),
    ...(Array.isArray(value) && typeof minItems === "number" ? fail("has too few", value.length >= minItems) : []),
    ...(Array.isArray(value) && isSchema(items)
      ? value.flatMap((item, index) => findViolations(item, items, root, `${path}[${index}]`))
      : []),
    ...(isSchema(value) ? findFieldViolations(value, schema, root, path) : []),
  ];
}

/** Paths of fields that the schema does not describe. */
export function findUndescribed(value: unknown, schema: Schema, root: Schema = schema, path = "$"): readonly string[] {
  const { $ref, items, properties } = schema;
  if (typeof $ref === "string") return findUndescribed(value, resolve(root, $ref), root, path);
  if (Array.isArray(value))
    return isSchema(items) ? value.flatMap((item) => findUndescribed(item, items, root, `${path}[]`)) : [];
  if (!isSchema(value) || !isSchema(properties)) return [];
  return Object.entries(value).flatMap(([name, field]) => {
    const described = properties[name];
    return isSchema(described) ? findUndescribed(field, described, root, `${path}.${name}`) : [`${path}.${name}`];
  });
}

/** Paths of fields that the schema describes and that no part of `value` has. */
export function findUnused(value: unknown, schema: Schema, root: Schema = schema, path = "$"): readonly string[] {
  const { $ref, items, properties } = schema;
  if (typeof $ref === "string") return findUnused(value, resolve(root, $ref), root, path);
  if (Array.isArray(value)) return isSchema(items) ? findUnused(value[0], items, root, `${path}[]`) : [];
  if (!isSchema(properties)) return [];
  return Object.entries(properties).flatMap(([name, described]) => {
    if (!isSchema(value) || !(name in value)) return [`${path}.${name}`];
    return isSchema(described) ? findUnused(value[name], described, root, `${path}.${name}`) : [];
  });
}

function findFieldViolations(value: Schema, schema: Schema, root: Schema, path: string): string[] {
  const { required, properties } = schema;
  const missing = Array.isArray(required) ? required.filter((name) => !(String(name) in value)) : [];
  return [
    ...missing.map((name) => `${path}.${String(name)} is missing`),
    ...Object.entries(isSchema(properties) ? properties : {}).flatMap(([name, described]) =>
      name in value && isSchema(described) ? findViolations(value[name], described, root, `${path}.${name}`) : [],
    ),
  ];
}

function resolve(root: Schema, ref: string): Schema {
  const definitions = root["$defs"];
  const found = isSchema(definitions) ? definitions[ref.replace("#/$defs/", "")] : undefined;
  if (!isSchema(found)) throw new Error(`the schema has no ${ref}`);
  return found;
}

function isOfType(value: unknown, type: unknown): boolean {
  switch (type) {
    case "array":
      return Array.isArray(value);
    case "object":
      return isSchema(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
