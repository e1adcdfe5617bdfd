/**
 * Whether values may be shown to people (SECURITY VAL-2): after a recent sign-in, or never. A tenant and each of its secrets have
 * one, and the stricter counts; that is decided in the view `secret_rows` (drizzle/security.sql). Core.
 */
export const REVEAL_POLICIES = ["step_up", "never"] as const;
export type RevealPolicy = (typeof REVEAL_POLICIES)[number];

/** For the bodies that take one: the words of the complaint about anything else. */
export const REVEAL_EXPECTED = "must be step_up or never";
