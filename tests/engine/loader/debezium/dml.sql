begin; insert into shop.orders values
 (6,'00000000-0000-0000-0000-000000000006','new',99.99,'2026-03-02 00:00:00+00','2026-05-01',
 '2026-03-02 01:02:03.000004','{"sku":"Z","big":12345678901234567890,"f":1.10}',
 array['a'],E'quote " back\\ tab\t uni ü');
 update shop.orders set status='paid', total=total+0.01 where id in (1,2); commit;
update shop.orders set id=100 where id=3;
delete from shop.orders where id=4;
update shop.orders set note=null, total=null, due='infinity' where id=5;
insert into shop.wide values (1, repeat('toast',3000), 1);
update shop.wide set n=2 where id=1;
alter table shop.wide replica identity full;
update shop.wide set n=3 where id=1;
update shop.wide set id=2 where id=1;
insert into shop.no_pk values (1,'x'),(1,'x');
alter table shop.no_pk replica identity full;
update shop.no_pk set b='y' where a=1;
delete from shop.no_pk;
alter table shop.orders add column channel text default 'web';
insert into shop.orders(id,customer,status,created_at,channel) values
 (7,'00000000-0000-0000-0000-000000000007','new','2026-03-03 00:00:00+00','app');
alter table shop.orders rename column note to remark;
insert into shop.orders(id,customer,status,created_at,remark) values
 (8,'00000000-0000-0000-0000-000000000008','new','2026-03-03 00:00:00+00','after rename');
alter table shop.orders drop column local_ts;
alter table shop.orders alter column total type numeric(20,4);
insert into shop.orders(id,customer,status,created_at,total) values
 (9,'00000000-0000-0000-0000-000000000009','void','0044-03-15 12:00:00 BC',12345678901234.5678);
begin; delete from shop.orders where id=9; insert into shop.orders(id,customer,status,created_at) values
 (9,'00000000-0000-0000-0000-000000000009','new','2026-03-03 00:00:00+00'); commit;
truncate shop.no_pk;
truncate shop.orders;
insert into shop.orders(id,customer,status,created_at,total) values
 (1,'00000000-0000-0000-0000-000000000001','new','2026-03-04 00:00:00+00','NaN');
