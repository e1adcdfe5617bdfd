import type { Caller } from "@/lib/access/caller";
import { permit } from "@/lib/access/permit";
import { GLOBAL, INSTANCE_TENANT } from "@/lib/access/scope";
import { kekFacts } from "@/lib/crypto/key-holder-store";
import { inTenant } from "@/lib/db/tx";
import { type Rotation, rotationOf } from "./rotation";

/**
 * Which master keys there are, by their ids and never their values, what each wraps, and which process has which.
 *
 * @throws AppError forbidden
 */
export async function listMasterKeys(caller: Caller): Promise<Rotation> {
  await permit(caller, "global.instance.get", GLOBAL, { type: "master-key" });
  return rotationOf(await inTenant(INSTANCE_TENANT, kekFacts));
}
