/**
 * An array as PostgreSQL writes it: `{1,NULL,"a \"b\""}`, nested ones too. Bounds in front (`[2:3]={7,8}`) are left out: JSON has no place
 * for them. postgres.js reads NULL as a word and bounds as a level more.
 *
 * @param element of the text of one element that is not NULL
 */
export function parseArray(text: string, element: (text: string) => unknown, delimiter = ","): unknown[] {
  let at = text.startsWith("[") ? text.indexOf("=") + 1 : 0;
  const quoted = () => {
    let found = "";
    for (at += 1; at < text.length && text.charAt(at) !== '"'; at += 1) {
      if (text.charAt(at) === "\\") at += 1;
      found += text.charAt(at);
    }
    at += 1;
    return element(found);
  };
  const bare = () => {
    const from = at;
    while (at < text.length && text.charAt(at) !== delimiter && text.charAt(at) !== "}") at += 1;
    const found = text.slice(from, at);
    return found === "NULL" ? null : element(found);
  };
  const list = (): unknown[] => {
    const found: unknown[] = [];
    at += 1;
    while (at < text.length && text.charAt(at) !== "}") {
      const first = text.charAt(at);
      found.push(first === "{" ? list() : first === '"' ? quoted() : bare());
      if (text.charAt(at) === delimiter) at += 1;
    }
    at += 1;
    return found;
  };
  return list();
}
