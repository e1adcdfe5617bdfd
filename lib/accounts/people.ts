/** What other rooms may ask of accounts besides who a caller is and where a workspace lies. */
export { workspaceRedirectCode } from "./redirect-code-store";
export { userNames } from "./user-store";
