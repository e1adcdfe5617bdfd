/** Why an attempt failed, as one word in the log and as a sentence for people. Pure. Core. */

const WORDS = {
  refused: "The receiver answered {status}. Any 2xx means that it has the message.",
  redirected: "The receiver answered {status}, a redirect. Redirects are not followed; enter the address it leads to.",
  gone: "The receiver answered 410 Gone: it wants no more messages, so the webhook was switched off.",
  unreachable: "The receiver could not be reached.",
  no_answer: "The receiver did not give a complete answer.",
  too_slow: "The receiver did not answer within {seconds} seconds.",
  secret_gone: "The secret that authenticates deliveries does not exist any more. Choose another one.",
  secret_unfit:
    "The secret that authenticates deliveries cannot be sent to this host. Look at its allowed hosts and its type.",
  secret_without_token: "The secret that authenticates deliveries has no valid token at the moment.",
  damaged: "A stored value fails its integrity check, so nothing was sent.",
  off: "The webhook was switched off before this was delivered.",
} as const;

export type FailureWord = keyof typeof WORDS;

export function isFailureWord(text: string): text is FailureWord {
  return Object.hasOwn(WORDS, text);
}

/** The sentence for a word of the log. */
export function failureText(word: string, status: number | null, seconds: number): string {
  const text = isFailureWord(word) ? WORDS[word] : "The delivery failed.";
  return text.replace("{status}", String(status ?? "")).replace("{seconds}", String(seconds));
}
