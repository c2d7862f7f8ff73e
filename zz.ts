import { contracts } from "#gen/contracts.ts";
import { exampleRequest } from "./deploy/contracts/example-request.ts";
for (const s of contracts) { if (s.kind!=="service") continue; 
 for (const m of s.methods) { try { console.log(m.name, JSON.stringify(exampleRequest(m.input))); } catch (e) { console.log("!!!", m.name, String((e as any).message)); } } }
