-- One row for each customer. ref() says what this model reads, so that it is built after it.
select
    customer,
    count(*) as payments,
    sum(amount) as paid,
    max(paid_on) as last_paid_on
from {{ ref('payments') }}
group by customer
