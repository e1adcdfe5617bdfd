/** The wire's resources (CONTRACT.md sections 2 and 3, API.md). Times are ISO texts, lengths whole seconds unless named otherwise. */
export type { Problem } from "@/lib/errors";
export type { GrantType } from "@/lib/secret-types/grant-types";
export type { WebhookEvent } from "@/lib/webhooks/events";
export type * from "./resources/accounts";
export type * from "./resources/auth-clients";
export type * from "./resources/endpoints";
export type * from "./resources/instance";
export type * from "./resources/secrets";
export type * from "./resources/uses";
export type * from "./resources/webhooks";
