/** How the generator refuses a schema. */

/** Something in the schema that the generator does not know. */
export class SchemaError extends Error {
  override readonly name = "SchemaError" as const;

  constructor(
    file: string,
    line: number,
    problem: string,
    allowed: string,
    options?: ErrorOptions,
  ) {
    super(`${file}:${line}: ${problem}; allowed: ${allowed}`, options);
  }
}
