/** The command line's only look at its environment; what is empty counts as absent. */
const given = (name: string): string | undefined => process.env[name] || undefined;

export const environment = {
  url: () => given("LATCHKEY_URL"),
  username: () => given("LATCHKEY_USER"),
  apiKey: () => given("LATCHKEY_KEY"),
  workspace: () => given("LATCHKEY_WORKSPACE"),
  /** Where programs of this user keep settings (XDG Base Directory). */
  configHome: () => given("XDG_CONFIG_HOME"),
  /** What kubectl says to its plug-ins, JSON. */
  kubernetesExecInfo: () => given("KUBERNETES_EXEC_INFO"),
};
