-- The mart, built piece by piece, says what a build from nothing would say.
select session_id, processing_ts, page_views
from {{ ref('int_sessions') }}
where session_end > session_start
except
select session_id, processing_ts, page_views
from {{ ref('mart_session_metrics') }}
