-- A sqlite3 workload in memory.  Numbers come from a fixed generator, so the output never changes.
create table person (id integer primary key, name text, city integer, score real);
create table city (id integer primary key, name text);
create table visit (person integer, city integer, day integer, note text);

insert into city
with recursive n(i) as (select 1 union all select i + 1 from n where i < 500)
select i, 'city-' || (i * 7919 % 1000) from n;

insert into person
with recursive n(i) as (select 1 union all select i + 1 from n where i < 60000)
select i, 'person-' || (i * 48271 % 99991), 1 + i * 16807 % 500, (i * 69621 % 10007) / 7.0 from n;

insert into visit
with recursive n(i) as (select 1 union all select i + 1 from n where i < 200000)
select 1 + i * 16807 % 60000, 1 + i * 48271 % 500, i * 69621 % 365,
       substr('the quick brown fox jumps over the lazy dog', 1 + i % 20, 5 + i % 23) from n;

create index person_by_name on person (name);
create index visit_by_person on visit (person, day);
create index visit_by_city on visit (city);

select count(*), round(sum(score), 3), min(name), max(name) from person;
select c.name, count(*), round(avg(p.score), 3)
from visit v join person p on p.id = v.person join city c on c.id = v.city
where v.day between 100 and 200 group by c.name order by 2 desc, 1 limit 20;
select length(group_concat(note, ';')) from visit;

begin;
update person set score = score * 2, name = name || '-' || city where id % 3 = 0;
delete from visit where day % 7 = 0;
commit;

select city, length(group_concat(name, ',')), round(sum(score), 3)
from person group by city order by city limit 40;
select day, count(distinct note), count(distinct person) from visit
group by day order by day limit 60;
with recursive words(word, rest) as (
    select '', (select group_concat(note, ' ') from (select note from visit limit 3000)) || ' '
    union all
    select substr(rest, 1, instr(rest, ' ') - 1), substr(rest, instr(rest, ' ') + 1)
    from words where rest <> '')
select word, count(*) from words group by word order by 2 desc, 1 limit 20;
pragma integrity_check;
