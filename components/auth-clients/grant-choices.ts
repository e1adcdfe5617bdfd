import type { Choice } from "@/components/ui/choice-cards";
import type { GrantType } from "@/lib/secret-types/oauth2";

/** How the tokens of a client's secrets come about, as a person chooses it. */
export const GRANT_CHOICES: (Choice<GrantType> & { title: string })[] = [
  { value: "authorization_code", title: "A person grants access", text: "Somebody signs in at the provider once." },
  { value: "client_credentials", title: "The client asks for itself", text: "Client credentials. Nobody signs in." },
];

/** The same in words for an existing client. */
export function grantWords(grantType: GrantType): string {
  return GRANT_CHOICES.find((choice) => choice.value === grantType)?.title ?? grantType;
}
