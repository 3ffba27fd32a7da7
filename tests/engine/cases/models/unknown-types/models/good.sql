select 1 as id, 2::money as m, '(1,2)'::point as p
