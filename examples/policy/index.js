// The policy runtime would compile TypeScript that it is given, and check all its types in each preview. What this
// imports, Node runs by itself.
import "./pack.ts";
