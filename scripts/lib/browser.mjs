/** As much of a browser as the demo needs to walk the redirect flow: cookies a host, redirects, one form. */
export class Browser {
  #jars = new Map();

  /** Fetches one address without following; the answer's cookies are kept. */
  async go(url, init = {}) {
    const { host } = new URL(url);
    const jar = this.#jars.get(host) ?? new Map();
    this.#jars.set(host, jar);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, {
      ...init,
      redirect: "manual",
      headers: { ...init.headers, ...(cookie ? { cookie } : {}) },
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = "", ...attributes] = line.split(";");
      const at = pair.indexOf("=");
      const name = pair.slice(0, at).trim();
      const over = attributes.some((part) => {
        const [key = "", value = ""] = part.trim().split("=");
        if (key.toLowerCase() === "max-age") return Number(value) <= 0;
        return key.toLowerCase() === "expires" && Date.parse(value) < Date.now();
      });
      if (over) jar.delete(name);
      else jar.set(name, pair.slice(at + 1));
    }
    return response;
  }

  /**
   * Goes on from `url` through redirects, clicking Allow where `isConsent` says so, until a page is shown.
   *
   * @returns {Promise<string>} the address of that page
   */
  async follow(url, isConsent) {
    let next = url;
    let init = {};
    for (let hops = 0; hops < 20; hops++) {
      const response = await this.go(next, init);
      const location = response.headers.get("location");
      if (location) {
        next = new URL(location, next).href;
        init = {};
      } else if (isConsent(next) && init.method !== "POST") {
        next = `${next.split("?", 1)[0]}/allow`;
        init = { method: "POST" };
      } else if (response.status >= 400) throw new Error(`${new URL(next).pathname} answered ${response.status}`);
      else return next;
    }
    throw new Error("The redirects do not end");
  }
}
