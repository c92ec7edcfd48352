import * as softstep from "softstep";
import steps from "./steps.cjs";

steps(softstep);
