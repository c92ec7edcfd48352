require("./steps.cjs")(require("softstep"));
