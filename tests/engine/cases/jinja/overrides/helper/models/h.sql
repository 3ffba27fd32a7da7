select {{ mine() }} as who, 1 as id
