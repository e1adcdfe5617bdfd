import type { ChipWords } from "@/components/ui/chip-input";
import { isHttpMethod } from "@/lib/secret-types/http-methods";

const parts = (text: string): string[] => text.split(/[\s,]+/u).filter(Boolean);
const isMethod = (part: string) => isHttpMethod(part.toUpperCase());

/** A list of allowed hosts as it is typed or pasted: methods belong to the host after them (`GET,POST api.example.com/v1/`). */
export const HOST_WORDS: ChipWords = {
  split(text) {
    const words: string[] = [];
    let methods: string[] = [];
    for (const part of parts(text)) {
      if (isMethod(part)) {
        methods.push(part.toUpperCase());
        continue;
      }
      words.push(methods.length > 0 ? `${methods.join(",")} ${part}` : part);
      methods = [];
    }
    return methods.length > 0 ? [...words, methods.join(",")] : words;
  },
  goesOn: (text) => text.trim() !== "" && parts(text).every(isMethod),
};
