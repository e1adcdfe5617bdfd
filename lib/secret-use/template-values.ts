import type { Caller } from "@/lib/access/caller";
import { AppError } from "@/lib/errors";
import { pointer } from "@/lib/http/json-api";
import { isSecretType, SECRET_TYPES } from "@/lib/secret-types";
import type { CredentialField } from "@/lib/secret-types/secret-type";
import { type Destination, type Release, releaseNamed } from "@/lib/secrets/requests";
import { valuesOf } from "./http-injection";
import type { Reference } from "./template";
import type { Placed } from "./templated-request";

/**
 * What the references of a request stand for (SECURITY TP-1, TP-3): secrets of the same workspace, each allowed at the destination and on
 * record as used before its value is looked at. What there is not and what may not be used reads alike.
 */
export class TemplateValues {
  readonly #references: readonly Placed[];
  readonly #releases: ReadonlyMap<string, Release>;
  /** By the text of the reference; without a prototype, so that nothing is found that was not put there. */
  readonly #values: Record<string, string> = Object.create(null);

  /**
   * @param scope of the workspace whose secrets may be named
   * @throws AppError invalid_attribute for a reference that leads to nothing the caller may use, with its place; else as `releaseFor`
   */
  static async of(
    caller: Caller,
    { scope }: Pick<Release, "scope">,
    references: readonly Placed[],
    destination: Destination,
  ): Promise<TemplateValues> {
    const names = [...new Set(references.map(({ name }) => name))];
    const found = await Promise.all(names.map((name) => releaseNamed(caller, scope, name, destination)));
    const releases = new Map(names.flatMap((name, i) => (found[i] ? [[name, found[i]] as const] : [])));
    return new TemplateValues(references, releases).#read();
  }

  private constructor(references: readonly Placed[], releases: ReadonlyMap<string, Release>) {
    this.#references = references;
    this.#releases = releases;
  }

  /** The same with a newer token of one of the secrets. */
  async renewed(release: Release): Promise<TemplateValues> {
    const releases = [...this.#releases].map(
      ([name, known]) => [name, known.row.id === release.row.id ? release : known] as const,
    );
    return new TemplateValues(this.#references, new Map(releases)).#read();
  }

  async #read(): Promise<this> {
    const fields = new Map<string, Record<string, string>>();
    for (const [name, release] of this.#releases) fields.set(name, await fieldsOf(release));
    const missing: Placed[] = [];
    for (const reference of this.#references) {
      const value = fields.get(reference.name)?.[reference.field];
      if (value === undefined) missing.push(reference);
      else this.#values[reference.text] = value;
    }
    const [first, ...more] = missing.map(({ text, path }) => ({
      code: "invalid_attribute" as const,
      detail: `There is no ${text} that you may use.`,
      source: { pointer: pointer(path) },
    }));
    if (first) throw new AppError(first.code, first.detail, { source: first.source, more });
    return this;
  }

  readonly valueFor = ({ text }: Reference): string => this.#values[text] as string;

  /** Every value, for the guard over the answer. */
  get all(): string[] {
    return Object.values(this.#values);
  }
}

/** What of a secret may be named: what its type puts into requests, and what it makes that of. Keys are never among it. */
async function fieldsOf(release: Release): Promise<Record<string, string>> {
  const fields: Record<string, string> = Object.create(null);
  const { type } = release.row;
  const described: readonly CredentialField[] = isSecretType(type) ? SECRET_TYPES[type].fields : [];
  for (const [name, value] of Object.entries(await valuesOf(release))) {
    if (typeof value === "string") fields[name] = value;
    else if (
      typeof value === "object" &&
      value !== null &&
      described.some((one) => one.name === name && one.kind === "pairs")
    )
      for (const [inner, text] of Object.entries(value)) fields[inner] = String(text);
  }
  return fields;
}
