import type { TokenAnswer } from "../token-endpoint";

/**
 * An answer to a request that can be made again at any time. A refresh token in it is left alone: one more thing to keep, to
 * lose and to be refused, for what asking again gives anyway (RFC 6749 section 4.4.3 advises providers against sending one).
 */
export function askedAnew(answer: TokenAnswer): TokenAnswer {
  return answer.kind === "tokens" ? { ...answer, tokens: { ...answer.tokens, refreshToken: null } } : answer;
}
