psql "$DATABASE_URL" -qX -c 'create table if not exists lines (at timestamptz not null default now())' || exit
while :; do
  psql "$DATABASE_URL" -qXAt -c 'insert into lines default values' -c "select count(*) || ' lines' from lines"
  sleep 1
done
