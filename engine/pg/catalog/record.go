package catalog
const recordTable = "syndicate_schema"
