import type { OAuthClient } from "@/lib/auth-clients/client";
import type { Sensitive } from "@/lib/crypto/sensitive";
import type { TokenAnswer } from "../token-endpoint";
import type { StoredTokens } from "../token-set";
import type { Witness } from "../witness";

/** What a grant can do, so that the refresher never asks which one it holds. */
export interface Grant {
  grantType: string;
  renewable(tokens: StoredTokens): boolean;
  /**
   * @param mayStillSend asked just before the request is written; false: nothing is sent
   * @param witness looks on; told of nothing where a refresh token is presented
   */
  renew(client: OAuthClient, held: Held, mayStillSend?: () => boolean, witness?: Witness): Promise<TokenAnswer>;
  /** A request says what the secret itself says: `Held.own` is wanted. */
  asksWithOwn: boolean;
  /** What people read when a refusal is believed, and what mends it. */
  refusal(client: OAuthClient): { title: string; cure: string };
}

/** What a token request can be made of. */
export interface Held {
  /** Null: there are none yet. */
  tokens: StoredTokens | null;
  /** Null where `asksWithOwn` is false. */
  own: OwnRequest | null;
}

/** What a secret itself says in a token request. */
export interface OwnRequest {
  /** As typed. */
  scope: string | null;
  additionalParams: Record<string, string>;
  /** Where it is asked with a person's user name and password. */
  login: Login | null;
}

export interface Login {
  username: string;
  password: Sensitive<string>;
}
