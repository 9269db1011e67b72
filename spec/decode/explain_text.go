package decode

// explainText covers text and structure.
func explainText() []Explanation {
	return []Explanation{
		{CodeSyntax, "The text is not HCL or JSON",
			`A file does not follow the rules of HCL's native syntax or, where its name ends in .json, of JSON. What follows the first such mistake in a file may be a consequence of it, so mend the first one first. Until then nothing more is said of the block that it stands in, nor of names that are not declared, since they may stand in what could not be read.

One argument stands on each line, a block with more than one argument has them on lines of their own, and every bracket and quote is closed.`,
			`service "api" {
  command = ["./api"
}`,
			`service "api" {
  command = ["./api"]
}`},
		{CodeLimit, "The text is beyond what is read",
			`A file is at most 16 MiB of UTF-8, brackets and templates stand at most 256 deep inside one another, one expression has at most 1,000 operators, and a number at most 400 digits. No configuration that a person writes comes near; the bounds keep a hostile one from exhausting the machine.

A large file can be split: all *.hcl files of a directory are read as one configuration. A long expression can be split with locals.`,
			`locals {
  far = 1e9999
}`,
			`locals {
  far = 1e99
}`},
		{CodeFile, "A file or directory cannot be read",
			`The configuration is one file, or the *.hcl and *.hcl.json files directly in a directory. It is named by the operand of a command, by -f before the command, or by SYNDICATE_FILE; by default it is the current directory. The message says what the system answered when it was asked for the file.`,
			"", ""},
		{CodeArgument, "An argument is unknown, missing or repeated",
			`Each block takes the arguments that the reference lists, each at most once, and some must be there. The message suggests the nearest known name. "syndicate schema BLOCK" lists what a block takes.

In JSON a property that no block knows is the same mistake; a comment is a property named "//".`,
			`service "api" {
  comand = ["./api"]
}`,
			`service "api" {
  command = ["./api"]
}`},
		{CodeBlockType, "A block is unknown or misplaced, or its label is wrong",
			`The block does not exist, does not belong inside the block that it stands in, or has too few or too many labels. Every block with an address has exactly one label, its name.`,
			`servce "api" {
  command = ["./api"]
}`,
			`service "api" {
  command = ["./api"]
}`},
		{CodeDuplicateBlock, "A block stands twice where one may stand",
			`The nested block may be written once. Two of them would leave open which one is meant, so nothing is merged.`,
			`service "api" {
  command = ["./api"]

  stop {
    signal = "SIGINT"
  }

  stop {
    timeout = "30s"
  }
}`,
			`service "api" {
  command = ["./api"]

  stop {
    signal  = "SIGINT"
    timeout = "30s"
  }
}`},
		{CodeDuplicateAddr, "Two blocks have one address",
			`Every block has an address made of its kind and its name, such as service.api, and each address belongs to one block in the whole configuration, whichever file it stands in. Give one of the two another name. To run several instances of one service use for_each.`,
			`service "api" {
  command = ["./api"]
}

service "api" {
  command = ["./other"]
}`,
			`service "api" {
  command = ["./api"]
}

service "other" {
  command = ["./other"]
}`},
		{CodeName, "A name is no identifier",
			`A label begins with a letter or _ and goes on with letters, digits, _ and -, 63 characters at most. A key of for_each has 1 to 63 letters, digits and the signs _ . -. Names become part of addresses, file names and environment variables, so nothing else is allowed in them.`,
			`service "my api" {
  command = ["./api"]
}`,
			`service "my-api" {
  command = ["./api"]
}`},
		{CodeLiteral, "Only a literal can stand here",
			`The syndicate block is read first and alone, so that down, status and logs work without variables and with a broken rest. Its arguments are therefore plain values: no references, no functions, no templates. So are the default and the type of a variable.`,
			`variable "name" {
  default = "shop"
}

syndicate {
  name = var.name
}`,
			`syndicate {
  name = "shop"
}`},
	}
}
