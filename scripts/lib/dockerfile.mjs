// As much of Dockerfile and .dockerignore as ours use, for scripts/image.mjs and the test that holds them together.

/**
 * The stages of a Dockerfile, in order.
 *
 * @param {string} text
 * @returns {{name: string, base: string, steps: {word: string, args: string[], text: string}[], user?: string,
 *   command: string[], healthcheck: string[]}[]} the last one is named `final` unless it has a name
 */
export function readDockerfile(text) {
  const stages = [];
  for (const line of text.replace(/\\\n/g, " ").split("\n")) {
    if (!line.trim() || line.startsWith("#")) continue;
    const [word, ...args] = line.trim().split(/\s+/);
    const rest = line.trim().slice(word.length).trim();
    const stage = stages.at(-1);
    if (word === "FROM")
      stages.push({ name: args[2] ?? "final", base: args[0], steps: [], command: [], healthcheck: [] });
    else if (word === "USER") stage.user = args[0];
    else if (word === "ENTRYPOINT") stage.command.unshift(...JSON.parse(rest));
    else if (word === "CMD") stage.command.push(...JSON.parse(rest));
    else if (word === "HEALTHCHECK") stage.healthcheck = JSON.parse(rest.slice(rest.indexOf("CMD") + 3));
    else stage.steps.push({ word, args, text: rest });
  }
  return stages;
}

/**
 * Whether a path of the build context passes a .dockerignore: the last line that matches it or a folder above decides.
 *
 * @param {string} text of the .dockerignore
 * @returns {(path: string) => boolean} for paths from the root, with `/`
 */
export function allowedBy(text) {
  const lines = text.split("\n").filter((line) => line.trim() && !line.startsWith("#"));
  const rules = lines.map((line) => {
    const keep = line.startsWith("!");
    const glob = (keep ? line.slice(1) : line).replace(/[.+^${}()|[\]]/g, "\\$&");
    const pattern = glob.replace(/\*\*\/|\*/g, (found) => (found === "*" ? "[^/]*" : "(.*/)?"));
    return { keep, pattern: new RegExp(`^${pattern}(/.*)?$`) };
  });
  return (path) => {
    let allowed = true;
    for (const { keep, pattern } of rules) if (pattern.test(path)) allowed = keep;
    return path === "" || allowed;
  };
}
