"""The words of PostgreSQL's translations that a log is built from, to English.

From ``src/backend/po/*.po``, messages of ``elog.c``: severities stand translated in all formats but jsonlog, the
names of a record's parts in stderr and syslog. ``tests/audit/postgres/logs/test_words.py`` compares them with the
translations that are installed on the machine. Which language a log is in need not be known: no word means two things,
but one: Georgian says the same for NOTICE and WARNING, and there the SQLSTATE decides.
"""

from __future__ import annotations

import re

LEVELS = {
    "DEBUG": "DEBUG1 DEBUG2 DEBUG3 DEBUG4 DEBUG5 გამართვა 디버그 ОТЛАДКА НАЛАГОДЖЕННЯ 调试 DEPURAÇÃO",
    "LOG": "ჟურნალი 로그 СООБЩЕНИЕ LOGG ЗАПИСУВАННЯ 日志 DZIENNIK",
    "INFO": "ინფორმაცია 정보 ИНФОРМАЦИЯ ІНФОРМАЦІЯ 信息 INFORMACJA",
    "NOTICE": "HINWEIS NOTIFICA 알림 ЗАМЕЧАНИЕ NOTIS ПОВІДОМЛЕННЯ 注意 NOTA UWAGA",
    "WARNING": "WARNUNG ATTENTION ATTENZIONE გაფრთხილება 경고 ПРЕДУПРЕЖДЕНИЕ VARNING ПОПЕРЕДЖЕННЯ 警告 AVISO "
    "OSTRZEŻENIE",
    "ERROR": "FEHLER ERREUR ERRORE შეცდომა 오류 ОШИБКА FEL ПОМИЛКА 错误 ERRO BŁĄD",
    "FATAL": "FATALE ფატალური 치명적오류 ВАЖНО FATALT ФАТАЛЬНО 致命错误 KATASTROFALNY",
    "PANIC": "PANIK PANICO პანიკა 손상 ПАНИКА ПАНІКА 比致命错误还过分的错误 PÂNICO PANIKA",
}
PARTS = {
    "DETAIL": "DETALLE DÉTAIL DETTAGLI 詳細 დეტალები 상세정보 ПОДРОБНОСТИ DETALJ ВІДОМОСТІ 详细信息 DETALHE SZCZEGÓŁY",
    "HINT": "TIPP ASTUCE SUGGERIMENTO ヒント მინიშნება 힌트 ПОДСКАЗКА TIPS УКАЗІВКА 提示 DICA PODPOWIEDŹ",
    "QUERY": "ANFRAGE CONSULTA REQUÊTE 問い合わせ მოთხოვნა 쿼리 ЗАПРОС FRÅGA ЗАПИТ 查询 ZAPYTANIE",
    "CONTEXT": "ZUSAMMENHANG CONTEXTO CONTEXTE CONTESTO 文脈 კონტექსტი 내용 КОНТЕКСТ KONTEXT 上下文 KONTEKST",
    "LOCATION": "ORT UBICACIÓN EMPLACEMENT POSIZIONE 場所 მდებარეობა 위치 ПОЛОЖЕНИЕ PLATS РОЗТАШУВАННЯ 位置 LOCAL "
    "POZYCJA",
    "BACKTRACE": "PILE_D'APPEL バックトレース სტეკი 역추적 СТЕК ВІДСТЕЖУВАТИ",
    "STATEMENT": "ANWEISUNG SENTENCIA INSTRUCTION ISTRUZIONE 文 ოპერატორი 명령_구문 ОПЕРАТОР SATS ІНСТРУКЦІЯ 语句 "
    "COMANDO WYRAŻENIE",
}
POSITIONS = (
    " at character %d", " bei Zeichen %d", " en carácter %d", " au caractère %d", " al carattere %d", "(%d文字目)",
    " სიმბოლოსთან %d", " %d 번째 문자 부근", " (символ %d)", " vid tecken %d", " символ %d", " 第 %d 个字符处",
    " no caracter %d", " przy znaku %d",
)  # fmt: skip
"""What stderr and syslog append to a message that points into its statement."""
UNKNOWN = frozenset({
    "[unknown]", "[unbekannt]", "[desconocido]", "[inconnu]", "[sconosciuto]", "[不明]", "[უცნობი]", "[알수없음]",
    "[н/д]", "[okänd]", "[未知]", "[desconhecido]", "[nieznany]",
})  # fmt: skip
"""What a prefix says instead of a name that is not there."""


def _words(table: dict[str, str]) -> dict[str, str]:
    return {word.replace("_", " "): name for name, words in table.items() for word in (name, *words.split())}


LEVEL = _words(LEVELS)
PART = _words(PARTS)
POSITION = re.compile("(?:" + "|".join(re.escape(one).replace("%d", r"\d+") for one in POSITIONS) + r")\Z")


LONGEST_POSITION = 40


def without_position(message: str) -> str:
    """``message`` without the place in the statement that stderr and syslog append."""
    found = POSITION.search(message, max(len(message) - LONGEST_POSITION, 0))
    return message[: found.start()] if found else message


def level(word: str, sqlstate: str = "") -> str:
    """The severity in English. What no table knows (a new translation) is judged by its SQLSTATE: 00 went well, 01
    warns, the rest is an error."""
    known = LEVEL.get(word)
    if known == "WARNING" and sqlstate[:2] == "00" and word != "WARNING":
        return "NOTICE"  # no translation has a word of its own for each
    if known or not sqlstate:
        return known or word
    return {"00": "LOG", "01": "WARNING"}.get(sqlstate[:2], "ERROR")
