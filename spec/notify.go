package spec

// Notify is a way to reach people.
type Notify struct {
	Block
	Webhook Expr[Text]
	Argv    []Expr[string]
	SMTP    *SMTP
	Limit   int
	Within  Duration
}

// SMTP is a mail server and its recipients.
type SMTP struct {
	Range    Range
	Server   string
	From     string
	To       []string
	User     string
	Password Expr[Text]
}
